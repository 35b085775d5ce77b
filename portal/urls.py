from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("readyz", lambda r: HttpResponse("ok"))]
